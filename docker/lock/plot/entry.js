// What static/charts.js uses of Observable Plot; everything else is left out of the bundle.
export { axisX, axisY, dot, gridX, gridY, line, link, plot, pointer, ruleX, ruleY, rect, text, tip } from "@observablehq/plot";
