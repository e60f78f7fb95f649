"use strict";
(() => {
  const view = {{ view|tojson }};
  const map = {{ map_name }};
  const sheet = document.querySelector(".sheet");
  const gap = 3;

  function makeName([level, text, lat, lon]) {
    const label = document.createElement("span");
    label.className = `name ${level}`;
    label.textContent = text;
    const icon = L.divIcon({ html: label, iconSize: [0, 0], className: "" });
    L.marker([lat, lon], { icon, interactive: false, keyboard: false, zIndexOffset: 5000 }).addTo(map);
    return { label, level };
  }

  const rank = { district: 0, town: 1, community: 2 };
  const names = view.names.map(makeName).sort((a, b) => rank[a.level] - rank[b.level]);

  const apart = (r, t) => r.right + gap < t.left || t.right + gap < r.left || r.bottom + gap < t.top || t.bottom + gap < r.top;
  const moved = (r, x, y) => ({ left: r.left + x, right: r.right + x, top: r.top + y, bottom: r.bottom + y });

  /* The larger area's name comes first. It gives way to cases where it can, and is left out where it would touch
     another name or leave the map. */
  function place() {
    const box = map.getContainer().getBoundingClientRect();
    const rects = (selector) => [...document.querySelectorAll(selector)].map((element) => element.getBoundingClientRect());
    const taken = rects(".north");
    const cases = rects(".mark.overdue, .mark.soon, .mark.open");
    const within = (r) => r.left > box.left + gap && r.right < box.right - gap && r.top > box.top + gap && r.bottom < box.bottom - gap;
    for (const { label } of names) {
      label.style.margin = "0";
      const r = label.getBoundingClientRect();
      const high = r.bottom - r.top;
      const wide = r.right - r.left;
      const free = [[0, 0], [0, -1], [0, 1], [0.4, 0], [-0.4, 0], [0, -1.7], [0, 1.7], [0.4, -1], [-0.4, -1], [0.4, 1], [-0.4, 1]]
        .map(([x, y]) => [x * wide, y * high])
        .filter(([x, y]) => within(moved(r, x, y)) && taken.every((t) => apart(moved(r, x, y), t)));
      const best = free.find(([x, y]) => cases.every((t) => apart(moved(r, x, y), t))) || free[0];
      label.classList.toggle("away", !best);
      if (!best) continue;
      label.style.margin = `${best[1]}px 0 0 ${best[0]}px`;
      taken.push(moved(r, ...best));
    }
  }

  const ruler = document.querySelector(".ruler");
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u2009");

  /* A round length of at most a fifth of the map; the ratio holds on paper, where 96 pixels are an inch. */
  function measure() {
    const size = map.getSize();
    const across = map.distance(map.containerPointToLatLng([0, size.y / 2]), map.containerPointToLatLng([size.x, size.y / 2]));
    const most = across / 5;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((n) => n * power).find((n) => n <= most);
    ruler.querySelector("i").style.width = `${(length / across) * size.x}px`;
    ruler.querySelector("span").textContent = length < 1000 ? `${length} m` : `${length / 1000} km`;
    const ratio = across / size.x / (0.0254 / 96);
    const round = 10 ** Math.max(Math.floor(Math.log10(ratio)) - 1, 0);
    ruler.querySelector("b").textContent = `1 : ${grouped(Math.round(ratio / round) * round)}`;
  }

  function fit() {
    map.invalidateSize({ pan: false });
    map.setMinZoom(0);
    map.setMaxBounds(null);
    map.fitBounds(view.bounds, { animate: false });
    map.setMinZoom(map.getZoom());
    map.setMaxBounds(view.bounds);
    measure();
    place();
  }

  function setPaper(paper) {
    sheet.classList.toggle("a3", paper === "a3");
    for (const style of document.querySelectorAll("style[data-paper]")) style.media = style.dataset.paper === paper ? "all" : "not all";
    fit();
  }

  map.on("zoomend moveend", () => { measure(); place(); });
  for (const radio of document.querySelectorAll("input[name=paper]")) {
    radio.addEventListener("change", () => setPaper(radio.value));
  }
  document.querySelector("#print").addEventListener("click", () => window.print());
  for (const link of document.querySelectorAll("[data-ours]")) link.hidden = location.protocol === "file:";
  setPaper(document.querySelector("input[name=paper]:checked").value);
  document.documentElement.dataset.mapIdle = "";
})();
