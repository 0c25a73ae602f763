// Before the first paint: the colours a person chose, so that nothing flashes. See src/app/appearance.ts.
try {
  if (/^(light|dark)$/.test(localStorage.getItem("prosa.theme"))) {
    document.documentElement.dataset.theme = localStorage.getItem("prosa.theme");
  }
} catch {
  // no storage: as the system says
}
