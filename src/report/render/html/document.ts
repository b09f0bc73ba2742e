/** Renders the HTML document around a page, which works offline and cannot load anything. */
import { type Content, Html, html, jsonForScript } from './template';

/** The script and the style that every page contains, from the build (src/report/page/bundle.cjs). */
declare const PAGE: { script: string; style: string };

/** Forbids all requests, whatever a name in the report contains. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** `data` is the data of the page's charts, or null if it has none. */
export function page({ title, body, data }: { title: string; body: Content; data: object | null }): string {
  const { script, style } = PAGE;
  const dataScript = data && `<script type="application/json" id="data">${jsonForScript(data)}</script>`;
  // Inserted as markup, because their content is not HTML.
  const [styles, scripts] = [
    new Html(`<style>${style}</style>`),
    new Html(`${dataScript ?? ''}<script>${script}</script>`),
  ];
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${styles}
      </head>
      <body>
        ${body} ${scripts}
      </body>
    </html> `;
  return whole.markup;
}
