import type { Report } from "./report.ts";
export function writePage(_report: Report): void {}
