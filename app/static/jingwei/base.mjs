/** Every page: the theme's switch, single keys, the help, and the search in the header. */
import { install as installSearch } from "./search.mjs";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Return the theme that is shown. */
export const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");

function tell() {
  document.dispatchEvent(new CustomEvent("jingwei:theme", { detail: theme() }));
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    const next = theme() === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    document.cookie = `jingwei_theme=${next};path=/;max-age=31536000;samesite=lax`;
    tell();
  });
}
dark.addEventListener("change", () => {
  if (!root.dataset.theme) tell();
});

for (const link of document.querySelectorAll("[data-keep-hash]")) {
  const address = link.getAttribute("href");
  link.addEventListener("click", () => link.setAttribute("href", address + location.hash));
}

const help = document.getElementById("help");
const keysOn = document.getElementById("keys-on");
const remembered = () => localStorage.getItem("jingwei.keys") !== "off";
if (keysOn) {
  keysOn.checked = remembered();
  keysOn.addEventListener("change", () => localStorage.setItem("jingwei.keys", keysOn.checked ? "on" : "off"));
}
document.getElementById("help-open")?.addEventListener("click", () => help.showModal());
help?.addEventListener("click", (event) => {
  if (event.target === help) help.close();
});

const typing = (target) => target.closest?.("input, select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !remembered()) return;
  if (event.key === "/") {
    const box = document.getElementById("search-input");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "?" && help && !help.open) {
    event.preventDefault();
    help.showModal();
  } else {
    document.dispatchEvent(new CustomEvent("jingwei:key", { detail: event.key }));
  }
});

const search = document.getElementById("search");
if (search) installSearch(search);
