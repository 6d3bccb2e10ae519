import { ArrowDown, ArrowUp, ChevronDown, ChevronRight, GripVertical, Plus, Trash2 } from "lucide-react";
import { useRef, useState, type KeyboardEvent } from "react";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/field";
import { cn } from "@/lib/cn";
import type { Schemas } from "@/lib/api/client";
import { CodeEditor } from "./code-editor";
import type { Surroundings } from "./jinja";

type Message = Schemas["Message"];
type Fault = Schemas["ProblemFault"];
type Props = { messages: Message[]; onChange: (messages: Message[]) => void; around: Surroundings; faults: Fault[]; missing: string[]; onDeclare: (name: string) => void };
const ROLES: Message["role"][] = ["system", "user", "assistant", "tool"];
const NO_FAULTS: Fault[] = [];

/** A chat: messages that are added, moved by drag, by Alt and arrows on the handle or by buttons, folded and removed. */
export function MessagesEditor({ messages, onChange, around, faults, missing, onDeclare }: Props) {
  // A message has no id of its own; its editor keeps one while the page is open, so that moving it moves the editor.
  const [keys, setKeys] = useState(() => messages.map(() => crypto.randomUUID()));
  const [folded, setFolded] = useState<Set<string>>(new Set());
  const [dragged, setDragged] = useState<number | null>(null);
  const list = useRef<HTMLOListElement>(null);
  if (keys.length !== messages.length) setKeys(messages.map((_, n) => keys[n] ?? crypto.randomUUID()));

  const set = (n: number, part: Partial<Message>) => onChange(messages.map((one, at) => (at === n ? { ...one, ...part } : one)));
  const move = (from: number, to: number) => {
    if (to < 0 || to >= messages.length || from === to) return;
    const moved = <T,>(items: T[]) => {
      const rest = items.filter((_, n) => n !== from);
      return [...rest.slice(0, to), items[from] as T, ...rest.slice(to)];
    };
    setKeys(moved(keys));
    onChange(moved(messages));
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLElement>("[data-handle]")[to]?.focus());
  };
  const onKey = (event: KeyboardEvent, n: number) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.altKey) return;
    event.preventDefault();
    move(n, n + step);
  };
  const fold = (key: string) =>
    setFolded((was) => {
      const next = new Set(was);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  return (
    <div className="flex flex-col gap-2">
      <ol ref={list} className="flex flex-col gap-2">
        {messages.map((message, n) => {
          const key = keys[n] ?? String(n);
          const isFolded = folded.has(key);
          const own = faults.filter((fault) => fault.loc[0] === "messages" && fault.loc[1] === n);
          return (
            <li
              key={key}
              className={cn("rounded-lg border bg-card", dragged === n && "opacity-50")}
              onDragOver={(event) => event.preventDefault()}
              onDrop={() => {
                if (dragged !== null) move(dragged, n);
                setDragged(null);
              }}
            >
              <div className="flex items-center gap-1.5 px-1.5 py-1">
                <button
                  type="button"
                  data-handle
                  draggable
                  onDragStart={(event) => {
                    setDragged(n);
                    // Firefox drags only what carries something; the whole message is what one sees moving.
                    event.dataTransfer.setData("application/x-dakora-message", String(n));
                    const row = event.currentTarget.closest("li");
                    if (row) event.dataTransfer.setDragImage(row, 12, 12);
                  }}
                  onDragEnd={() => setDragged(null)}
                  onKeyDown={(event) => onKey(event, n)}
                  aria-label={`Move message ${n + 1}: Alt and arrow keys`}
                  className="cursor-grab rounded p-1.5 text-soft hover:bg-sunk pointer-coarse:hidden"
                >
                  <GripVertical className="size-4" />
                </button>
                {/* A finger scrolls where a mouse drags. */}
                <span className="hidden pointer-coarse:flex">
                  <Button look="ghost" size="icon" aria-label={`Move message ${n + 1} up`} disabled={n === 0} onClick={() => move(n, n - 1)}>
                    <ArrowUp />
                  </Button>
                  <Button look="ghost" size="icon" aria-label={`Move message ${n + 1} down`} disabled={n === messages.length - 1} onClick={() => move(n, n + 1)}>
                    <ArrowDown />
                  </Button>
                </span>
                <Button look="ghost" size="icon" aria-expanded={!isFolded} aria-label={`Fold message ${n + 1}`} onClick={() => fold(key)}>
                  {isFolded ? <ChevronRight /> : <ChevronDown />}
                </Button>
                <Select aria-label={`Role of message ${n + 1}`} className="h-8 w-32" value={message.role} onChange={(event) => set(n, { role: event.target.value as Message["role"] })}>
                  {ROLES.map((role) => (
                    <option key={role}>{role}</option>
                  ))}
                </Select>
                {isFolded && <span className="truncate text-[13px] text-soft">{message.content}</span>}
                {own.length > 0 && <span className="text-xs text-rose">{own.length} to fix</span>}
                <Button look="ghost" size="icon" className="ml-auto" aria-label={`Remove message ${n + 1}`} disabled={messages.length === 1} onClick={() => { setKeys(keys.filter((_, at) => at !== n)); onChange(messages.filter((_, at) => at !== n)); }}>
                  <Trash2 />
                </Button>
              </div>
              {!isFolded && (
                <CodeEditor
                  label={`Message ${n + 1}`}
                  language="jinja"
                  value={message.content}
                  onChange={(content) => set(n, { content })}
                  around={around}
                  faults={own.length ? own : NO_FAULTS}
                  missing={missing}
                  onDeclare={onDeclare}
                  className="rounded-t-none border-0 border-t [&_.cm-content]:min-h-16! [&_.cm-scroller]:max-h-[50dvh]"
                />
              )}
            </li>
          );
        })}
      </ol>
      <Button size="sm" className="self-start" onClick={() => onChange([...messages, { role: messages.at(-1)?.role === "user" ? "assistant" : "user", content: "" }])}>
        <Plus /> Add a message
      </Button>
    </div>
  );
}
