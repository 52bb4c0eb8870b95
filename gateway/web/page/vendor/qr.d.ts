// What the page uses of lean-qr/nano (MIT).
export const correction: { L: 0; M: 1; Q: 2; H: 3 };
export function generate(data: string, options?: { minCorrectionLevel?: number; minVersion?: number }): { size: number; get(x: number, y: number): boolean };
