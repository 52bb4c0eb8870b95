// What the page uses of preact (MIT); the whole of it comes with the package.
export type Node = unknown;
export function h(type: any, props: Record<string, any> | null, ...children: any[]): Node;
export function render(node: Node, parent: Element): void;
