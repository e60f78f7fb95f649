"""Notices: who is told of what happened, in the app and by e-mail, webhook and SMS."""
