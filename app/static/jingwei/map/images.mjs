/** The map's icons, drawn on canvas for both themes: shape tells as much as colour. */
import { CLASSES, palettes } from "./palette.mjs";

const RATIO = 2;

function draw(size, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const pen = canvas.getContext("2d");
  pen.scale(RATIO, RATIO);
  pen.lineJoin = pen.lineCap = "round";
  paint(pen, size / 2, size);
  return pen.getImageData(0, 0, size * RATIO, size * RATIO);
}

function outlined(pen, path, fill, edge, width = 1.6) {
  pen.fillStyle = fill;
  pen.strokeStyle = edge;
  pen.lineWidth = width * 2;
  pen.stroke(path);
  pen.fill(path);
}

function exclaim(pen, x, y, colour, size = 1) {
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1.9 * size;
  pen.beginPath();
  pen.moveTo(x, y - 4 * size);
  pen.lineTo(x, y + 0.8 * size);
  pen.stroke();
  pen.beginPath();
  pen.arc(x, y + 3.7 * size, 1.15 * size, 0, 7);
  pen.fill();
}

const circle = (x, y, r) => {
  const path = new Path2D();
  path.arc(x, y, r, 0, 7);
  return path;
};

const glyphs = {
  "01"(pen, m) { pen.beginPath(); pen.arc(m, m, 3.6, 0, 7); pen.moveTo(m - 3.4, m); pen.lineTo(m + 3.4, m); pen.stroke(); },
  "02"(pen, m) { pen.beginPath(); pen.moveTo(m - 3.4, m + 4); pen.lineTo(m - 1.4, m - 4); pen.moveTo(m + 3.4, m + 4);
    pen.lineTo(m + 1.4, m - 4); pen.moveTo(m, m - 1); pen.lineTo(m, m + 2.4); pen.stroke(); },
  "03"(pen, m) { pen.beginPath(); pen.moveTo(m - 3.8, m - 2.6); pen.lineTo(m + 3.8, m - 2.6); pen.moveTo(m - 2.8, m - 2.6);
    pen.lineTo(m - 2, m + 4); pen.lineTo(m + 2, m + 4); pen.lineTo(m + 2.8, m - 2.6); pen.stroke(); },
  "04"(pen, m) { pen.beginPath(); pen.arc(m, m - 1.4, 3.1, 0, 7); pen.moveTo(m, m + 1.6); pen.lineTo(m, m + 4.4); pen.stroke(); },
  "05"(pen, m) { for (const x of [-3, 0, 3]) { pen.beginPath(); pen.arc(m + x, m, 1.1, 0, 7); pen.fill(); } },
};

function images(p) {
  const made = {
    "case-overdue": draw(28, (pen, m) => {
      const path = new Path2D(`M${m} ${m - 11.5} L${m + 11.5} ${m} L${m} ${m + 11.5} L${m - 11.5} ${m} Z`);
      outlined(pen, path, p.overdue, p.edge);
      exclaim(pen, m, m, p.mark, 1.1);
    }),
    "case-soon": draw(28, (pen, m) => {
      const path = new Path2D(`M${m} ${m - 11} L${m + 11.5} ${m + 9} L${m - 11.5} ${m + 9} Z`);
      outlined(pen, path, p.soon, p.edge);
      exclaim(pen, m, m + 2.2, p.soonMark, 1.05);
    }),
    "case-open": draw(20, (pen, m) => outlined(pen, circle(m, m, 6.2), p.open, p.edge)),
    "case-ended": draw(14, (pen, m) => outlined(pen, circle(m, m, 3.4), p.ended, p.edge, 1)),
    cluster: draw(42, (pen, m) => outlined(pen, circle(m, m, 19), p.cluster, p.clusterRing, 2)),
    "worker-on": draw(24, (pen, m) => {
      outlined(pen, circle(m, m, 8.6), p.worker, p.edge);
      pen.fillStyle = p.edge;
      pen.fill(circle(m, m - 2.4, 2.5));
      pen.fill(new Path2D(`M${m - 4.6} ${m + 5.2} a4.6 4.4 0 0 1 9.2 0 Z`));
    }),
    "worker-off": draw(24, (pen, m) => {
      outlined(pen, circle(m, m, 8.2), p.land, p.edge, 2.2);
      pen.strokeStyle = p.off;
      pen.lineWidth = 2.2;
      pen.stroke(circle(m, m, 7.2));
    }),
  };
  for (const code of CLASSES) {
    for (const bad of [false, true]) {
      made[`facility-${code}${bad ? "-bad" : ""}`] = draw(26, (pen, m) => {
        const box = new Path2D();
        box.roundRect(m - 8, m - 8, 16, 16, 4.5);
        outlined(pen, box, p.classes[code], p.edge, 1.2);
        pen.strokeStyle = pen.fillStyle = p.edge;
        pen.lineWidth = 1.5;
        glyphs[code](pen, m);
        if (bad) {
          outlined(pen, circle(m + 7.5, m - 7.5, 4), p.overdue, p.edge, 1);
          exclaim(pen, m + 7.5, m - 7.5, p.mark, 0.5);
        }
      });
    }
  }
  return made;
}

/** Give `map` the images of both themes, named `<name>-light` and `<name>-dark`. */
export function addImages(map) {
  for (const [theme, palette] of Object.entries(palettes)) {
    for (const [name, image] of Object.entries(images(palette))) {
      if (!map.hasImage(`${name}-${theme}`)) map.addImage(`${name}-${theme}`, image, { pixelRatio: RATIO });
    }
  }
}

/** Return a data address of one of the images, for the legend. */
export function picture(name, theme) {
  const image = images(palettes[theme])[name];
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas.toDataURL();
}
