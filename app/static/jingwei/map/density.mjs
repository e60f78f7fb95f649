/** Colours cells and towns by their cases: the numbers come once a minute while they are shown, as states of features. */
import { ask } from "../http.mjs";

const EVERY_MS = 60000;

/** Return `show()`: colour by what the server says now, asking at most once a minute unless `anew`. */
export function makeDensity(map) {
  let asked = 0;
  let known = null;

  function paint() {
    if (!known || !map.getSource("cells")) return;
    map.removeFeatureState({ source: "cells", sourceLayer: "cells" }, undefined, "cases");
    for (const [id, cases] of Object.entries(known.cells)) map.setFeatureState({ source: "cells", sourceLayer: "cells", id: Number(id) }, { cases });
    for (const [id, density] of Object.entries(known.towns)) map.setFeatureState({ source: "areas", sourceLayer: "areas", id }, { density });
  }

  map.on("style.load", paint);
  return {
    async show({ anew = false } = {}) {
      if (!anew && Date.now() - asked < EVERY_MS) return;
      asked = Date.now();
      try {
        known = await ask("/api/v1/density");
        paint();
      } catch {
        asked = 0; // the map stands without this colour; the next switch asks again
      }
    },
  };
}
