"""What a file of another system's cases may hold, the words it goes by, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.interop.rules import Field, Form

_NUMBERS = (
    *("no", "case_no", "id", "编号", "案件编号", "工单编号"),
    *("受理编号", "诉求编号", "案卷编号"),
)
_RECEIVED = (
    *("received_at", "created_at", "reported_at"),
    *("受理时间", "上报时间", "来电时间", "登记时间", "创建时间"),
)
_TYPES = ("type_code", "类型", "类别", "小类", "诉求类型", "案件类型", "事项分类")

CASES = Form(
    (
        Field("number", required=True, also=_NUMBERS),
        Field("received", required=True, also=_RECEIVED),
        Field("type", required=True, also=_TYPES),
        Field("text", also=("description", "内容", "描述", "问题描述", "诉求内容", "反映内容")),
        Field("status", also=("状态", "办理状态", "案件状态")),
        Field("dispatched", also=("dispatched_at", "派遣时间", "交办时间", "分转时间", "转办时间")),
        Field("feedback", also=("feedback_at", "反馈时间", "回复时间")),
        Field("closed", also=("closed_at", "结案时间", "办结时间")),
        Field("due", also=("due_at", "截止时间", "办理时限", "应办结时间")),
        Field("unit", also=("承办单位", "处置部门", "主办单位", "责任单位")),
        Field("source", also=("来源", "渠道", "诉求渠道")),
        Field("lon", also=("lng", "longitude", "经度", "x")),
        Field("lat", also=("latitude", "纬度", "y")),
        Field("area", also=("area_code", "community", "社区编码", "区划编码", "所属区域", "所属社区")),
        Field("worker", also=("worker_code", "工号", "网格员编号")),
        Field("satisfied", also=("satisfaction", "满意度", "回访结果")),
        Field("nature", also=("性质", "诉求性质")),
        Field("wish", also=("诉求目的", "希望")),
        Field("name", also=("诉求人", "姓名", "来电人")),
        Field("phone", also=("电话", "联系电话", "手机", "来电号码")),
        Field("address", also=("地址", "位置", "事发地址")),
    ),
    frozenset(),
)
"""The columns; with a geometry column (GeoPackage) lon and lat may be absent."""

MOMENTS = ("received", "dispatched", "feedback", "closed", "due")

STATUS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("reported", "待受理", "已上报", "新建"), "reported"),
        **dict.fromkeys(("accepted", "已受理", "受理"), "accepted"),
        **dict.fromkeys(("filed", "已立案", "立案"), "filed"),
        **dict.fromkeys(("dispatched", "已派遣", "已派单", "已交办", "待签收"), "dispatched"),
        **dict.fromkeys(("handling", "办理中", "处理中", "处置中", "在办"), "handling"),
        **dict.fromkeys(("feedback", "已反馈", "待审核"), "feedback"),
        **dict.fromkeys(("closed", "已结案", "结案", "已办结", "办结", "已完成", "已归档"), "closed"),
        **dict.fromkeys(("void", "作废", "已作废", "不予受理", "无效"), "void"),
    }
)
"""A word for where a case stands, and our status. Others are mapped by hand: --value status:THEIRS=OURS."""

SOURCE: Mapping[str, str] = MappingProxyType(
    {
        **{word: word for word in ("worker", "citizen", "operator", "phone", "counter", "web", "letter")},
        **{word: word for word in ("partner", "sensor", "script")},
        **dict.fromkeys(("电话", "热线", "12345", "8890", "来电"), "phone"),
        **dict.fromkeys(("网站", "网络", "微信", "公众号", "APP", "小程序"), "web"),
        **dict.fromkeys(("窗口", "来访", "现场"), "counter"),
        **dict.fromkeys(("信件", "来信", "信箱"), "letter"),
        **dict.fromkeys(("网格员", "巡查", "监督员上报", "监督员"), "worker"),
        **dict.fromkeys(("群众", "公众举报", "市民"), "citizen"),
        "": "partner",
    }
)

SATISFIED: Mapping[str, str | None] = MappingProxyType(
    {
        "": None,
        **dict.fromkeys(("satisfied", "满意", "非常满意"), "satisfied"),
        **dict.fromkeys(("fair", "基本满意", "一般"), "fair"),
        **dict.fromkeys(("dissatisfied", "不满意"), "dissatisfied"),
        **dict.fromkeys(("not_reached", "未接通", "未评价", "无法联系"), "not_reached"),
    }
)

NATURE: Mapping[str, str] = MappingProxyType(
    {
        **{word: word for word in ("consult", "help", "complaint", "accusation", "suggestion", "praise")},
        "咨询": "consult",
        "求助": "help",
        "投诉": "complaint",
        "举报": "accusation",
        "建议": "suggestion",
        "表扬": "praise",
        "": "help",
    }
)


class Bad(StrEnum):
    """Why a row is not taken."""

    FORM = "form"
    NUMBER = "number"
    TWICE = "twice"
    TAKEN = "taken"
    RECEIVED = "received"
    MOMENT = "moment"
    ORDER = "order"
    TYPE = "type"
    STATUS = "status"
    ENDED = "ended"
    UNIT = "unit"
    SOURCE = "source"
    SATISFIED = "satisfied"
    NATURE = "nature"
    POSITION = "position"
    OUTSIDE = "outside"
    NO_PLACE = "no_place"
    AREA = "area"
    TEXT = "text"


WHY: Mapping[Bad, tuple[str, str]] = MappingProxyType(
    {
        Bad.FORM: ("the row has another number of fields than the heading", "该行字段数与表头不符"),
        Bad.NUMBER: ("no number, or one of over 60 characters", "没有编号，或编号超过 60 个字符"),
        Bad.TWICE: ("the number stands in an earlier row of the file", "编号与文件前面的行重复"),
        Bad.TAKEN: ("a case of another origin has this number", "该编号已被其他来源的案件占用"),
        Bad.RECEIVED: (
            "no moment of receipt between 1990 and now that can be read, such as 2026-05-01 08:00",
            "没有可识别的受理时间（1990 年至今，例如 2026-05-01 08:00）",
        ),
        Bad.MOMENT: ("another moment cannot be read", "其他时间无法识别"),
        Bad.ORDER: (
            "it was dispatched, handled or closed before it was received",
            "派遣、反馈或结案早于受理",
        ),
        Bad.TYPE: (
            "the type is unknown; --value type:THEIRS=CODE maps it",
            "类型不明；用 --value type:原值=代码 对应",
        ),
        Bad.STATUS: (
            "the status is unknown; --value status:THEIRS=STATUS maps it",
            "状态不明；用 --value status:原值=状态 对应",
        ),
        Bad.ENDED: (
            "status and closing moment contradict each other, or one of them is missing",
            "状态与结案时间矛盾，或缺少其一",
        ),
        Bad.UNIT: (
            "the department is unknown; --value unit:THEIRS=CODE maps it",
            "承办单位不明；用 --value unit:原值=代码 对应",
        ),
        Bad.SOURCE: (
            "the source is unknown; --value source:THEIRS=SOURCE maps it",
            "来源不明；用 --value source:原值=来源 对应",
        ),
        Bad.SATISFIED: (
            "the rating is unknown; --value satisfied:THEIRS=RATING maps it",
            "评价不明；用 --value satisfied:原值=评价 对应",
        ),
        Bad.NATURE: (
            "the nature is unknown; --value nature:THEIRS=NATURE maps it",
            "性质不明；用 --value nature:原值=性质 对应",
        ),
        Bad.POSITION: ("the position cannot be read", "坐标无法识别"),
        Bad.OUTSIDE: ("the position lies over 5 km outside the grid", "坐标在网格以外 5 公里以上"),
        Bad.NO_PLACE: (
            "an incident needs a position; only an appeal does without",
            "事件、部件案件须有坐标；仅诉求可无坐标",
        ),
        Bad.AREA: ("there is no area of this code or name, or several", "没有该编码或名称的区域，或不止一个"),
        Bad.TEXT: (
            "a text has over 20,000 characters or the character NUL",
            "文字超过 20,000 字或含空字符",
        ),
    }
)
"""In English and Chinese."""

MAPPED = ("type", "status", "unit", "source", "satisfied", "nature")
"""Fields whose words can be mapped by hand: --value FIELD:THEIRS=OURS; THEIRS may be * for all others."""
