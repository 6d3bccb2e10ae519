import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { BarChart3, FileText, GitPullRequestArrow, Keyboard, Moon, Plus, Puzzle, Settings, Sun, Terminal } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useMay } from "@/features/me/may";
import { promptsQuery } from "@/features/prompts/queries";
import { paths } from "@/config/paths";
import { useDebounced } from "@/lib/hooks";
import { setTheme } from "@/lib/theme";
import { useCurrentProject } from "./sidebar";

type PaletteProps = { open: boolean; onOpenChange: (open: boolean) => void; onShortcuts: () => void };

const itemClass =
  "flex cursor-pointer items-center gap-2.5 rounded-md px-3 py-2 data-[selected=true]:bg-leaf-wash data-[selected=true]:text-leaf [&_svg]:size-4";

/** ⌘K: every prompt and every page by a few letters. */
export function Palette({ open, onOpenChange, onShortcuts }: PaletteProps) {
  const project = useCurrentProject();
  const navigate = useNavigate();
  const { write } = useMay(project);
  const [words, setWords] = useState("");
  const [selected, setSelected] = useState("");
  const [offered, setOffered] = useState("");
  const search = useDebounced(words.trim(), 80);
  const found = useQuery({ ...promptsQuery(project ?? "", search), enabled: open && !!project, placeholderData: keepPreviousData });
  const act = (what: () => void) => () => {
    onOpenChange(false);
    setWords("");
    what();
  };
  const go = (to: string) => act(() => void navigate({ to }));
  const page = (name: string, icon: ReactNode, to: string) => (
    <Command.Item key={to} value={name} onSelect={go(to)} className={itemClass}>
      {icon} {name}
    </Command.Item>
  );
  const matches = (name: string) => name.toLowerCase().includes(words.trim().toLowerCase());
  const pages: [string, ReactNode, string][] = project
    ? [
        ...(write ? ([["New prompt", <Plus key="i" />, paths.newPrompt(project)]] as [string, ReactNode, string][]) : []),
        ["Prompts", <FileText key="i" />, paths.prompts(project)],
        ["Parts", <Puzzle key="i" />, paths.parts(project)],
        ["Runs", <Terminal key="i" />, paths.runs(project)],
        ["Numbers", <BarChart3 key="i" />, paths.stats(project)],
        ["Approvals", <GitPullRequestArrow key="i" />, paths.requests(project)],
        ["Settings", <Settings key="i" />, paths.settings(project)],
        ["API keys", <Settings key="i" />, paths.settings(project, "keys")],
        ["Providers", <Settings key="i" />, paths.settings(project, "providers")],
        ["Budget", <Settings key="i" />, paths.settings(project, "budget")],
        ["Audit", <Settings key="i" />, paths.settings(project, "audit")],
      ]
    : [];
  // What is there already is narrowed at once, so that a quick Enter takes what the letters say.
  // A name that begins so is meant before one whose description happens to say it.
  const sought = words.trim().toLowerCase();
  const rank = (id: string) => (id.toLowerCase().startsWith(sought) ? 0 : id.toLowerCase().includes(sought) ? 1 : 2);
  const listed = (found.data?.prompts ?? [])
    .filter((one) => matches(`${one.id} ${one.description}`))
    .sort((a, b) => rank(a.id) - rank(b.id))
    .slice(0, words ? 30 : 6);
  const offers = pages.filter(([name]) => matches(name));
  const commands = (
    [
      ["Light theme", <Sun key="i" />, () => setTheme("light")],
      ["Dark theme", <Moon key="i" />, () => setTheme("dark")],
      ["Keyboard shortcuts", <Keyboard key="i" />, onShortcuts],
    ] as [string, ReactNode, () => void][]
  ).filter(([name]) => matches(name));
  // What comes from the server comes after the letters: the first of it is what Enter takes.
  const first = listed[0] ? `prompt ${listed[0].id}` : (pages.find(([name]) => matches(name))?.[0] ?? "");
  if (first !== offered) {
    setOffered(first);
    setSelected(first);
  }
  return (
    <Command.Dialog
      value={selected}
      onValueChange={setSelected}
      open={open}
      onOpenChange={onOpenChange}
      shouldFilter={false}
      label="Search and commands"
      overlayClassName="fixed inset-0 z-40 bg-black/40"
      contentClassName="fixed top-[12dvh] left-1/2 z-50 w-[calc(100vw-1.5rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-xl border border-line-strong bg-card shadow-2xl"
    >
      <Command.Input
        value={words}
        onValueChange={setWords}
        placeholder="A prompt, a page, a command …"
        className="w-full border-b bg-transparent px-4 py-3 text-base outline-none placeholder:text-soft"
      />
      <Command.List className="max-h-[55dvh] overflow-y-auto p-1.5 [&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-soft">
        <Command.Empty className="px-3 py-6 text-center text-soft">Nothing is called that.</Command.Empty>
        {listed.length > 0 && (
          <Command.Group heading="Prompts">
            {listed.map((one) => (
              <Command.Item key={one.id} value={`prompt ${one.id}`} onSelect={go(paths.prompt(project ?? "", one.id))} className={itemClass}>
                <FileText /> <span className="truncate font-mono text-[13px]">{one.id}</span>
                <span className="truncate text-xs text-soft">{one.description}</span>
              </Command.Item>
            ))}
          </Command.Group>
        )}
        {offers.length > 0 && <Command.Group heading="Go to">{offers.map((one) => page(...one))}</Command.Group>}
        {commands.length > 0 && (
          <Command.Group heading="Do">
            {commands.map(([name, icon, what]) => (
              <Command.Item key={name} value={name} onSelect={act(what)} className={itemClass}>
                {icon} {name}
              </Command.Item>
            ))}
          </Command.Group>
        )}
      </Command.List>
    </Command.Dialog>
  );
}
