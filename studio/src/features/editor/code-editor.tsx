import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers, placeholder as hint } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { cn } from "@/lib/cn";
import { nonce } from "@/lib/nonce";
import { diagnosticsOf, jinjaSupport, type Surroundings } from "./jinja";
import { editorTheme } from "./theme";

type Props = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  language: "jinja" | "yaml";
  around?: Surroundings;
  faults?: { message: string; line?: number | null; column?: number | null }[];
  missing?: string[];
  onDeclare?: (name: string) => void;
  placeholder?: string;
  className?: string;
};

const NONE: Surroundings = { inputs: {}, parts: [] };

/** A text with highlighting, completion and faults under the words. Tab indents; Escape, then Tab, leaves it. */
export function CodeEditor({ label, value, onChange, language, around = NONE, faults, missing, onDeclare, placeholder, className }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  // What the editor calls back is always the newest; the editor itself is made once.
  const latest = useRef({ onChange, around, onDeclare });
  useEffect(() => {
    latest.current = { onChange, around, onDeclare };
  });

  useEffect(() => {
    if (!host.current) return;
    const speak: Extension = language === "jinja" ? jinjaSupport(() => latest.current.around) : yaml();
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          history(),
          closeBrackets(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          nonce ? EditorView.cspNonce.of(nonce) : [],
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
          speak,
          editorTheme,
          placeholder ? hint(placeholder) : [],
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap, indentWithTab, ...defaultKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the value is followed below, without losing the cursor
  }, [label, language, placeholder]);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const shown: Diagnostic[] = diagnosticsOf(editor.state, faults ?? [], missing ?? [], (name) => latest.current.onDeclare?.(name));
    editor.dispatch(setDiagnostics(editor.state, shown));
  }, [faults, missing]);

  return <div ref={host} className={cn("overflow-hidden rounded-lg border [&_.cm-editor]:h-full [&_.cm-scroller]:overflow-auto", className)} />;
}
