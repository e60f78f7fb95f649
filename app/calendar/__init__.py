"""The calendar of working days and hours, as data that people edit."""
