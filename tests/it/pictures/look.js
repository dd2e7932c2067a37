// Inspects each frame of the page after layout, and writes the problems, one
// line each, into the element that waits for it.
window.addEventListener("load", () => {
  const told = [];
  const frames = [...document.querySelectorAll("iframe")];
  for (const frame of frames) {
    const wrong = (what) => told.push(`${frame.title}: ${what}`);
    const page = frame.contentDocument;
    const width = frame.clientWidth;
    const elements = [...page.body.querySelectorAll("*"), page.body];
    const height = page.documentElement.scrollHeight;
    frame.style.height = `${height}px`;
    if (page.documentElement.scrollWidth > width) wrong(`wider than ${width} pixels`);
    const faults = new Set([...contrasts(page), ...buttons(page)]);
    // Text of twice the size, and nothing else: sizes first, all at once.
    const sizes = elements.map((element) => parseFloat(frame.contentWindow.getComputedStyle(element).fontSize));
    const before = elements.map((element) => element.getAttribute("style"));
    elements.forEach((element, i) => element.style.setProperty("font-size", `${2 * sizes[i]}px`, "important"));
    if (page.documentElement.scrollWidth > width) wrong(`wider than ${width} pixels with text of twice the size`);
    elements.forEach((element, i) => element.setAttribute("style", before[i] ?? ""));
    faults.forEach(wrong);
    told.push(`height ${height}`);
  }
  document.getElementById("told").textContent = `${frames.length} frames\n${told.join("\n")}\n`;
});

// Buttons too small for a thumb.
function* buttons(page) {
  for (const link of page.querySelectorAll(".button a")) {
    const { height } = link.getBoundingClientRect();
    if (height < 44) yield `a button of ${Math.round(height)} pixels`;
  }
}

// Text without enough contrast to its background (WCAG 2.1, 1.4.3).
function* contrasts(page) {
  const words = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const text = words.currentNode.textContent.trim();
    const element = words.currentNode.parentElement;
    if (!text || element.closest("style, script")) continue;
    const front = colour(page.defaultView.getComputedStyle(element).color);
    const ratio = contrast(front, behind(page, element));
    if (ratio < 4.5) yield `contrast ${ratio.toFixed(1)} of \`${text.slice(0, 30)}\``;
  }
}

// The colour behind an element: that of the nearest around it that has one.
function behind(page, element) {
  for (let around = element; around; around = around.parentElement) {
    const found = colour(page.defaultView.getComputedStyle(around).backgroundColor);
    if (found[3] > 0) return found;
  }
  return page.defaultView.matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
}

function colour(text) {
  const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
  return [red, green, blue, alpha];
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(rgb) {
  const [red, green, blue] = rgb.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
