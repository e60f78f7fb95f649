/** Colours of the map: the canvas cannot read CSS tokens, so both themes stand here. */
export const CLASSES = ["01", "02", "03", "04", "05"];

const light = {
  ground: "#e6ebf1", land: "#fbfcfd", water: "#a9cfee",
  tints: ["#e2f0ec", "#e6edf8", "#f4eedf", "#eee9f6", "#e7f1df", "#f7ebe6", "#e2eef3"],
  cell: "#a9b8c7", community: "#8ea0b4", town: "#5f7389", district: "#2d4057", glow: "rgba(45,64,87,0.10)",
  hover: "#0a6b66", selected: "#d9480f", selectedFill: "rgba(217,72,15,0.10)",
  ramp: ["#e4dcf6", "#c5b4eb", "#9d85da", "#7055c2"],
  text: "#16222f", text2: "#43566b", halo: "rgba(255,255,255,0.92)",
  shore: "#8bbbe4", street: "#ffffff", streetEdge: "#a3b3c3", streetText: "#475b72", waterText: "#22608f",
  classes: { "01": "#3f55c9", "02": "#8d3bb0", "03": "#0d7a70", "04": "#3d7f1d", "05": "#5a6a7e" },
  cluster: "#ffffff", clusterText: "#33475c", clusterRing: "#7d91a7",
  overdue: "#c5221f", soon: "#f0a020", open: "#0a7f78", ended: "#7b8794", mark: "#ffffff", soonMark: "#3a2500",
  worker: "#1668c7", off: "#5a6a7e", edge: "#ffffff",
};

const dark = {
  ground: "#0a101b", land: "#121d2d", water: "#154069",
  tints: ["#14313a", "#172c46", "#2a2c33", "#25294a", "#1b3430", "#302939", "#15303f"],
  cell: "#31465c", community: "#4a6480", town: "#86a3c2", district: "#c9d9ea", glow: "rgba(120,170,220,0.12)",
  hover: "#4fd1c3", selected: "#ffb86b", selectedFill: "rgba(255,184,107,0.14)",
  ramp: ["#2b2852", "#463b85", "#6a56b8", "#9a86e6"],
  text: "#eef4fb", text2: "#b6c6d8", halo: "rgba(8,13,22,0.88)",
  shore: "#2f669b", street: "#31465f", streetEdge: "#0a121e", streetText: "#bccbdc", waterText: "#9cc8f2",
  classes: { "01": "#93a6ff", "02": "#d8a2f5", "03": "#55d0c4", "04": "#8fd87a", "05": "#b3c0d0" },
  cluster: "#1c2c40", clusterText: "#c4d3e4", clusterRing: "#4d6480",
  overdue: "#ff6b61", soon: "#ffc04d", open: "#3ecfc0", ended: "#7d8da0", mark: "#2a0503", soonMark: "#2c1c00",
  worker: "#6fb7ff", off: "#9fb0c3", edge: "#0a101b",
};

export const palettes = { light, dark };
