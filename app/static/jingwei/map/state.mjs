/** What the map is doing: loading, slow, trouble. `<html data-map-idle>` says that everything is drawn. */
import { t } from "../words.mjs";

const SLOW_MS = 10000;

/** Watch the map, and show its state on `overlay` and in the notice. */
export function watchState(map, overlay) {
  const root = document.documentElement;
  const notice = document.getElementById("map-trouble");
  const words = notice.querySelector("span");
  overlay.dataset.state = "loading";
  const slow = setTimeout(() => (overlay.dataset.state = "slow"), SLOW_MS);

  map.once("idle", () => {
    clearTimeout(slow);
    overlay.dataset.state = "ready";
  });
  map.on("idle", () => root.setAttribute("data-map-idle", ""));
  map.on("movestart", () => root.removeAttribute("data-map-idle"));
  map.on("dataloading", () => root.removeAttribute("data-map-idle"));
  map.on("error", ({ error }) => {
    if (error?.status === 401) words.textContent = t("登录已过期。请重新登录。");
    else words.textContent = t("部分地图没有载入。");
    notice.hidden = false;
    notice.dataset.status = error?.status || "";
  });
  notice.querySelector("button").addEventListener("click", () => location.reload());
}
