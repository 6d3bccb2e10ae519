import { Dialog } from "@/components/ui/dialog";

const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl";
const LIST: [string, string][] = [
  [`${MOD} K`, "Search and commands"],
  ["?", "This list"],
  ["/", "Search the prompts (on their page)"],
  ["N", "New prompt (on the prompts' page)"],
  [`${MOD} S`, "Save the prompt"],
  [`${MOD} Enter`, "Run the prompt"],
  ["Ctrl Space", "Complete an input, a filter or a part"],
  [`${MOD} F`, "Find in the text"],
  ["Alt ↑ / ↓", "Move a message up or down (on its handle)"],
  ["Esc", "Leave the text with the keyboard: then Tab"],
];

/** All keys, on one card. */
export function Shortcuts({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-2.5">
        {LIST.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="rounded border border-line-strong bg-sunk px-1.5 py-0.5 font-mono text-xs">{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
