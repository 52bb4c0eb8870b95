// htm (Apache-2.0): JSX in template strings.
declare const htm: {
  bind<T>(h: (type: any, props: Record<string, any> | null, ...children: any[]) => T): (strings: TemplateStringsArray, ...values: any[]) => T | T[];
};
export default htm;
