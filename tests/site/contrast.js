// Contrast of every visible text on the page against the ground it stands on (WCAG 2.1, 1.4.3).
// axe leaves out text on gradients, and our scrolling boxes have one: their edges.
() => {
  const channels = (colour) => {
    const numbers = colour.match(/[\d.]+/g).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    const [r, g, b, alpha = 1] = numbers;
    return [r * scale, g * scale, b * scale, alpha];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || element.closest("script, style, noscript, .headerlink")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const below = ground(element);
    const ink = over(channels(getComputedStyle(element).color), below);
    const [high, low] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    texts.push({ ratio: (high + 0.05) / (low + 0.05), words: words.slice(0, 40), tag: element.outerHTML.slice(0, 100) });
  }
  return texts;
}
