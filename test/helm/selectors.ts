/** One selector of a PromQL expression, such as `up{job="a"}`. */
export interface Selector {
  metric: string;
  matchers: { label: string; operator: string; value: string }[];
}

const SELECTOR = /([a-zA-Z_:][\w:]*)?\{([^}]*)\}/g;

/** The selectors of an expression. Metrics that stand without braces are not among them. */
export const selectorsIn = (expr: string): Selector[] =>
  [...expr.matchAll(SELECTOR)].map(([, metric, inside]) => {
    const matchers = [...inside!.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)].map(([, label, operator, value]) => ({
      label: label!,
      operator: operator!,
      value: value!,
    }));
    return { metric: metric ?? matchers.find(({ label }) => label === "__name__")?.value ?? "", matchers };
  });

/** Metrics of sidepost that an expression has without a selector: it would read those of every release. */
export const unselected = (expr: string): string[] =>
  expr.replace(SELECTOR, "").match(/\b(producer|process|http|sidepost)_\w+/g) ?? [];

/** The labels that an expression names in `without (…)` and `by (…)`. */
export const groupedBy = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:without|by|on) \(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(", "));

/** A series as PromQL writes it. */
export const seriesName = (metric: string, labels: Record<string, string>): string =>
  `${metric}{${Object.entries(labels)
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .join(",")}}`;
