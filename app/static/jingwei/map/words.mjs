/** Words of statuses, conditions and classes of facilities. */
import { t } from "../words.mjs";

export const statusWord = (status) => ({
  reported: t("已上报"), verifying: t("核实中"), accepted: t("已受理"), filed: t("已立案"), dispatched: t("已派遣"),
  handling: t("处置中"), suspended: t("已挂账"), feedback: t("已反馈"), checking: t("核查中"), callback: t("回访中"),
  supervised: t("督办中"), accountable: t("问责中"), closed: t("已结案"), void: t("已作废"), merged: t("已并案"),
}[status] || status);

export const stepWord = (step) => ({
  report: t("上报"), verify: t("请求核实"), verified: t("核实"), accept: t("受理"), answer: t("直接答复"), void: t("作废"),
  merge: t("并案"), file: t("立案"), dispatch: t("派遣"), sign: t("签收"), return: t("退回"), extend: t("延期"),
  suspend: t("挂账"), resume: t("恢复"), feedback: t("反馈"), rework: t("返工"), check: t("核查"), pass: t("核查通过"),
  call_back: t("回访"), satisfied: t("满意"), dissatisfied: t("不满意"), order: t("督办令"), hold_to_account: t("问责"),
  decide: t("问责决定"), reopen: t("重开"),
}[step] || step);

export const conditionWord = (condition) => ({
  good: t("完好"), damaged: t("破损"), missing: t("丢失"), abandoned: t("废弃"),
}[condition] || condition);

export const className = (code) => ({
  "01": t("公用设施"), "02": t("交通设施"), "03": t("市容环境"), "04": t("园林绿化"), "05": t("其他设施"),
}[code] || code);

export const levelWord = (level) => ({
  city: t("市"), district: t("区县"), town: t("街道、乡镇"), community: t("社区、村"),
}[level] || level);

export const urgencyWord = (urgency) => ({ 1: t("紧急"), 2: t("较急"), 3: t("一般") }[urgency] || "");

/** Return the colour class of a case's tag. */
export function caseTone(found, now = Date.now()) {
  if (["closed", "void", "merged"].includes(found.status)) return "";
  const left = new Date(found.due_at).getTime() - now;
  return left < 0 ? "danger" : left < 3600000 ? "warn" : "info";
}
