import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { paths } from "@/config/paths";

const tabClass = "border-b-2 px-1 pb-2 -mb-px";
const activeClass = "border-leaf text-ink font-medium";
const otherClass = "border-transparent text-soft hover:text-ink";

/** The head of everything about one prompt: its name, and its three sides. */
export function PromptTabs({ project, id, facts, actions }: { project: string; id: string; facts?: ReactNode; actions?: ReactNode }) {
  const tabs = [
    ["Write", paths.prompt(project, id)],
    ["History", paths.history(project, id)],
    ["Run", paths.run(project, id)],
  ] as const;
  return (
    <header className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <nav aria-label="Where" className="text-xs text-soft">
            <Link to={paths.prompts(project)} className="hover:underline">
              Prompts
            </Link>
          </nav>
          <div className="flex min-h-7 flex-wrap items-center gap-2">
            <h1 className="truncate font-mono text-lg font-semibold">{id}</h1>
            {facts}
          </div>
        </div>
        <div className="flex flex-wrap items-center gap-2">{actions}</div>
      </div>
      <nav aria-label="Prompt" className="flex gap-5 border-b">
        {tabs.map(([name, to]) => (
          <Link key={name} to={to} className={tabClass} activeProps={{ className: activeClass }} inactiveProps={{ className: otherClass }} activeOptions={{ exact: true, includeSearch: false }}>
            {name}
          </Link>
        ))}
      </nav>
    </header>
  );
}
