import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { nonce } from "@/lib/nonce";

const look = EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "var(--card)", color: "var(--ink)" },
  ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, monospace)", lineHeight: "1.6" },
  ".cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--moss-wash) !important" },
  ".cm-changedText": { background: "color-mix(in srgb, var(--moss) 28%, transparent) !important" },
  ".cm-deletedChunk": { backgroundColor: "var(--rose-wash) !important" },
  ".cm-deletedChunk .cm-deletedText": { background: "color-mix(in srgb, var(--rose) 28%, transparent) !important" },
  ".cm-collapsedLines": { background: "var(--sunk)", color: "var(--soft)", padding: "4px 8px" },
  ".cm-gutters": { backgroundColor: "var(--card)", border: "none" },
});

/** Two texts in one: what went is struck red, what came is green, what stayed is folded away. */
export function TextDiff({ before, after, label }: { before: string; after: string; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return;
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: after,
        extensions: [
          EditorState.readOnly.of(true),
          EditorView.lineWrapping,
          nonce ? EditorView.cspNonce.of(nonce) : [],
          EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": "true", tabindex: "0" }),
          look,
          unifiedMergeView({ original: before, mergeControls: false, gutter: true, collapseUnchanged: { margin: 3, minSize: 6 } }),
        ],
      }),
    });
    return () => view.destroy();
  }, [before, after, label]);
  return <div ref={host} className="overflow-hidden rounded-lg border [&_.cm-scroller]:max-h-[50dvh] [&_.cm-scroller]:overflow-auto" />;
}
