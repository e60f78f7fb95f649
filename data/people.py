"""Invented workers: names from lists of common characters, telephone numbers of no network. 演示数据."""

import numpy as np
from numpy.typing import NDArray

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
)
_FIRST = "建国志文明永德春玉秀桂海晓小立新宏振兴长庆丽淑凤艳红雪冬秋思家子宇俊佳雅"
_SECOND = "军平华强波峰涛磊刚勇斌杰鹏辉亮超林东生民芳英梅兰霞娟敏静燕玲丹娜琴萍洁莹慧岩宁"
LABEL = "（演示）"
"""Every invented name ends in this."""


def names(count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return invented names of two or three characters, each labelled as demo data."""
    surname = rng.choice(list(_SURNAMES), count)
    first = np.where(rng.random(count) < 0.82, rng.choice(list(_FIRST), count), "")
    second = rng.choice(list(_SECOND), count)
    return np.array([f"{a}{b}{c}{LABEL}" for a, b, c in zip(surname, first, second, strict=True)])


def phones(count: int) -> NDArray[np.str_]:
    """Return telephone numbers that look like a mobile's and belong to nobody: 130 0000 0001 onwards."""
    return np.array([f"130{number:08d}" for number in range(1, count + 1)])


_STREETS = [
    *(
        "建设",
        "胜利",
        "解放",
        "人民",
        "民生",
        "春光",
        "新华",
        "和平",
        "友好",
        "站前",
        "湖南",
        "园林",
        "安乐",
        "青年",
    ),
    *(
        "光明",
        "中华",
        "南华",
        "永乐",
        "共和",
        "兴盛",
        "汇园",
        "绿化",
        "钢城",
        "千山",
        "工农",
        "健身",
        "五一",
        "团结",
    ),
    *("双山", "曙光", "红旗", "东山", "西环", "北出", "通山", "景子", "沙河", "矿工", "常青", "东风", "向阳"),
]
_ENDINGS = {"arterial": ("大道", "路", "大街"), "street": ("路", "街", "巷", "东路", "西路", "南街", "北街")}


def street_names(kinds: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.str_]:
    """Return an invented name for each street of a kind."""
    stems = rng.choice(_STREETS, len(kinds))
    return np.array(
        [stem + str(rng.choice(_ENDINGS[str(kind)])) for stem, kind in zip(stems, kinds, strict=True)]
    )
