"""Cases led through the loop by their roles over the API, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from tests.city import B, middle
from tests.people import Api

PHOTO = "a1" * 32


class Loop:
    """A case and the people who lead it on; each step is asserted to be taken."""

    def __init__(self, api: Callable[[str], Api], case: dict[str, Any]) -> None:
        self.api, self.case = api, case

    @classmethod
    def incident(cls, api: Callable[[str], Api], *, by: str = "worker", **said: Any) -> Loop:
        lon, lat = middle(0, 0)
        body = {"type": "F0137", "lon": lon, "lat": lat, "text": "灯不亮", **said}
        answer = api(by).put(f"reports/{uuid4()}", body)
        assert answer.status_code == 201, answer.text
        return cls(api, answer.json)

    @classmethod
    def appeal(cls, api: Callable[[str], Api], **said: Any) -> Loop:
        body = {
            "type": "A08",
            "nature": "complaint",
            "text": "路面破损, 多次反映无人处理",
            "name": "赵大明",
            "phone": "13912345678",
            "area": B,
            **said,
        }
        answer = api("operator").put(f"appeals/{uuid4()}", body)
        assert answer.status_code == 201, answer.text
        return cls(api, answer.json)

    @property
    def id(self) -> UUID:
        return UUID(self.case["id"])

    def send(self, by: str, step: str, **said: Any) -> Any:
        key = said.pop("key", uuid4())
        return self.api(by).put(f"cases/{self.id}/steps/{key}", {"step": step, **said})

    def take(self, by: str, step: str, **said: Any) -> Loop:
        answer = self.send(by, step, **said)
        assert answer.status_code == 200, answer.text
        self.case = answer.json
        return self

    def refused(self, by: str, step: str, **said: Any) -> Any:
        answer = self.send(by, step, **said)
        assert answer.status_code in {403, 404, 409, 422}, answer.text
        return answer.json

    def dispatched(self) -> Loop:
        self.take("operator", "accept")
        if self.case["status"] == "accepted":
            self.take("shift_leader", "file")
        return self.take("dispatcher_all", "dispatch")

    def handled(self) -> Loop:
        if self.case["status"] == "reported":
            self.dispatched()
        self.take("handler", "sign")
        return self.fed_back()

    def fed_back(self) -> Loop:
        said = {"measures": "换了灯泡", "result": "已修复", "photos": [PHOTO]}
        return self.take("handler", "feedback", **said)

    def checked(self) -> Loop:
        self.take("dispatcher_all", "check", worker="W0001")
        return self.take("worker", "checked", photos=[f"{uuid4().hex}{uuid4().hex}"])

    @property
    def status(self) -> str:
        return str(self.case["status"])
