/** The words of our modules: message ids are Chinese, the server sends the other language as one JSON block. */
const block = document.getElementById("words");
const words = block ? JSON.parse(block.textContent) : {};

export const english = document.documentElement.lang === "en";

/** Return `text` in the page's language, with {name} replaced by `values.name`. */
export function t(text, values = {}) {
  const found = words[text] || text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Return `text` in a context: one Chinese word where the other language has two ("many": the plural). */
export const tc = (context, text) => words[`${context}|${text}`] || text;

/** Return the one of two names that fits the page's language. */
export const named = (thing) => (english && thing.name_en ? thing.name_en : thing.name_zh || thing.name || "");

const locale = english ? "en-GB" : "zh-CN";
const zone = "Asia/Shanghai";
const moment = new Intl.DateTimeFormat(locale, {
  timeZone: zone, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const numbers = new Intl.NumberFormat(locale);

export const number = (value) => numbers.format(value);
export const when = (iso) => (iso ? moment.format(new Date(iso)) : "");

/** Return how long it is from now to `iso` in words: "剩余 2 小时 5 分" or "超时 3 天 4 小时". */
export function left(iso, now = Date.now()) {
  const minutes = Math.round((new Date(iso).getTime() - now) / 60000);
  const span = duration(Math.abs(minutes));
  return minutes < 0 ? t("已超时 {span}", { span }) : t("剩余 {span}", { span });
}

/** Return minutes in words. */
export function duration(minutes) {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  if (days) return hours ? t("{d} 天 {h} 小时", { d: days, h: hours }) : t("{d} 天", { d: days });
  if (hours) return minutes % 60 ? t("{h} 小时 {m} 分", { h: hours, m: minutes % 60 }) : t("{h} 小时", { h: hours });
  return t("{m} 分钟", { m: minutes });
}

/** Return a distance in words. */
export function distance(metres) {
  return metres < 1000 ? t("{n} 米", { n: Math.round(metres) }) : t("{n} 公里", { n: (metres / 1000).toFixed(1) });
}
