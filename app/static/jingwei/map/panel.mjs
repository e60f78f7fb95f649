/** The panel for a card or the form: beside the map on a desk, a sheet from below on a phone. */
import { t } from "../words.mjs";
import { h, icon, message } from "./dom.mjs";

/** Return the panel's methods: show, loading, trouble, close. */
export function makePanel(root, { onclose }) {
  let opener = null;

  const close = () => {
    if (root.hidden) return;
    root.hidden = true;
    root.classList.remove("tall");
    root.replaceChildren();
    document.documentElement.removeAttribute("data-panel");
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
    onclose();
  };

  function frame({ kind, icon: name, title }, body, foot = []) {
    const heading = h("h2", { id: "panel-title", tabindex: "-1" }, title);
    const tall = h("button", { type: "button", class: "grip phone-only", "aria-expanded": String(root.classList.contains("tall")),
      "aria-label": t("展开或收起"), onclick: () => tall.setAttribute("aria-expanded", String(root.classList.toggle("tall"))) });
    root.replaceChildren(
      tall,
      h("div", { class: "panel-head" }, h("span", { class: "badge" }, icon(name)),
        h("div", { class: "titles" }, h("p", { class: "kind" }, kind), heading),
        h("button", { type: "button", class: "square", "aria-label": t("关闭"), title: `${t("关闭")} (Esc)`, onclick: close }, icon("close"))),
      h("div", { class: "panel-body" }, body),
      foot.filter(Boolean).length ? h("div", { class: "panel-foot" }, foot) : "");
    if (root.hidden) opener = document.activeElement;
    root.hidden = false;
    document.documentElement.setAttribute("data-panel", "");
    return heading;
  }

  return {
    close,
    get open() { return !root.hidden; },
    show(head, body, foot, { focus = true } = {}) {
      const heading = frame(head, body, foot);
      if (focus) heading.focus({ preventScroll: true });
    },
    loading(head) {
      frame(head, h("div", { class: "skeleton", role: "status" }, h("span", { class: "unseen" }, t("正在载入…")), h("i"), h("i"), h("i"), h("i")));
    },
    trouble(head, error, retry) {
      const heading = frame(head, [message("danger", h("p", {}, error.message), error.id ? h("p", { class: "small" }, t("请求编号 {id}", { id: error.id })) : null),
        h("p", {}, h("button", { type: "button", class: "button", onclick: retry }, t("再试一次")))]);
      heading.focus({ preventScroll: true });
    },
  };
}
