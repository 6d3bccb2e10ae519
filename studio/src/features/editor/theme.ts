import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

/** Colours are the page's own variables, so that light and dark need no second theme. */
const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--card)", fontSize: "13.5px" },
  "&.cm-focused": { outline: "2px solid var(--leaf)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, monospace)", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", padding: "10px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--leaf) 25%, transparent)" },
  ".cm-placeholder": { color: "var(--soft)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunk) 70%, transparent)" },
  ".cm-tooltip": { backgroundColor: "var(--card)", border: "1px solid var(--line-strong)", borderRadius: "8px", overflow: "hidden" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--leaf-wash)", color: "var(--leaf)" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)" },
  ".cm-panels input, .cm-panels button": { backgroundColor: "var(--card)", color: "var(--ink)", backgroundImage: "none", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  ".cm-searchMatch": { backgroundColor: "var(--ember-wash)", outline: "1px solid var(--ember)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--leaf)", color: "var(--on-leaf)", borderRadius: "4px", padding: "2px 8px" },
  ".cm-diagnostic": { padding: "6px 10px" },
});

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.controlKeyword, t.definitionKeyword, t.operatorKeyword, t.modifier], color: "var(--plum)" },
  { tag: [t.variableName, t.definition(t.variableName)], color: "var(--leaf)", fontWeight: "600" },
  { tag: t.special(t.variableName), color: "var(--sky)" },
  { tag: [t.propertyName, t.attributeName], color: "var(--sky)" },
  { tag: [t.string, t.special(t.string)], color: "var(--moss)" },
  { tag: [t.number, t.bool, t.null, t.atom], color: "var(--ember)" },
  { tag: [t.comment, t.lineComment, t.blockComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: [t.brace, t.bracket, t.paren, t.operator, t.punctuation, t.separator], color: "var(--soft)" },
  { tag: t.invalid, color: "var(--rose)" },
]);

export const editorTheme = [look, syntaxHighlighting(colours)];
