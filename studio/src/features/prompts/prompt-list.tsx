import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type KeyboardEvent } from "react";
import { LabelBadge } from "@/components/ui/label-badge";
import { paths } from "@/config/paths";
import { ago, moment } from "@/lib/format";
import type { PromptSummary } from "./queries";

const ROW = 60;

/** The prompts as rows; only those in sight are in the page. Arrow keys walk. */
export function PromptList({ project, prompts }: { project: string; prompts: PromptSummary[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: prompts.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    getItemKey: (n) => prompts[n]?.id ?? n,
  });
  const walk = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = Number((document.activeElement as HTMLElement | null)?.dataset.row ?? NaN);
    if (!step || Number.isNaN(here)) return;
    event.preventDefault();
    const next = Math.min(prompts.length - 1, Math.max(0, here + step));
    rows.scrollToIndex(next);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus());
  };
  return (
    <div ref={scroller} onKeyDown={walk} className="min-h-64 flex-1 overflow-y-auto rounded-xl border bg-card" data-testid="prompt-list">
      <ul aria-label="Prompts" className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, key, start }) => {
          const one = prompts[index];
          return (
            one && (
              <li key={key} aria-setsize={prompts.length} aria-posinset={index + 1} className="absolute inset-x-0 border-b" style={{ height: ROW, transform: `translateY(${start}px)` }}>
                <Link
                  to={paths.prompt(project, one.id)}
                  data-row={index}
                  className="flex h-full items-center gap-4 px-4 hover:bg-sunk focus-visible:-outline-offset-2"
                >
                  <span className="min-w-0 flex-1">
                    <span className="flex items-center gap-2">
                      {one.folder && <span className="hidden truncate text-xs text-soft sm:inline">{one.folder}/</span>}
                      <span className="truncate font-mono text-[13px] font-medium">{one.id}</span>
                    </span>
                    <span className="block truncate text-[13px] text-soft">{one.description || "No description"}</span>
                  </span>
                  <span className="hidden shrink-0 items-center gap-1.5 md:flex">
                    {one.tags.slice(0, 3).map((tag) => (
                      <span key={tag} className="rounded bg-sunk px-1.5 py-0.5 text-xs text-soft">
                        {tag}
                      </span>
                    ))}
                  </span>
                  <span className="flex shrink-0 items-center gap-1.5 max-sm:[&>*+*]:hidden">
                    {Object.entries(one.label_versions).slice(0, 2).map(([label, version]) => (
                      <LabelBadge key={label} label={label} behind={version < one.version_number ? version : undefined} />
                    ))}
                  </span>
                  <span className="hidden w-24 shrink-0 text-right text-xs text-soft sm:block">
                    <span className="block font-mono">v{one.version_number}</span>
                    <time dateTime={one.updated_at} title={moment(one.updated_at)}>
                      {ago(one.updated_at)}
                    </time>
                  </span>
                </Link>
              </li>
            )
          );
        })}
      </ul>
    </div>
  );
}
