import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useRouter, useSearch } from "@tanstack/react-router";
import { Folder as FolderIcon, Plus, Search } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Page } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { Empty, Failure, Skeletons } from "@/components/ui/states";
import { useMay } from "@/features/me/may";
import { counted, filterPrompts, folderTree, type Folder, type PromptFilter } from "@/features/prompts/filter";
import { PromptList } from "@/features/prompts/prompt-list";
import { promptsQuery, type PromptList as Listed } from "@/features/prompts/queries";
import { paths } from "@/config/paths";
import { cn } from "@/lib/cn";
import { plural } from "@/lib/format";
import { useDebounced, useShortcut, useTitle } from "@/lib/hooks";

function Folders({ tree, at, go, depth = 0 }: { tree: Folder[]; at?: string; go: (folder?: string) => void; depth?: number }) {
  return (
    <ul>
      {tree.map((one) => (
        <li key={one.path}>
          <button
            type="button"
            aria-current={at === one.path || undefined}
            onClick={() => go(at === one.path ? undefined : one.path)}
            className={cn("flex w-full items-center gap-2 rounded-md px-2 py-1 text-left text-soft hover:bg-sunk", at === one.path && "bg-leaf-wash text-leaf")}
            style={{ paddingLeft: 8 + depth * 14 }}
          >
            <FolderIcon className="size-4 shrink-0" aria-hidden />
            <span className="truncate">{one.name}</span>
            <span className="ml-auto text-xs">{one.count}</span>
          </button>
          {at && (at === one.path || at.startsWith(`${one.path}/`)) && <Folders tree={one.children} at={at} go={go} depth={depth + 1} />}
        </li>
      ))}
    </ul>
  );
}

export function PromptsPage() {
  const { project = "" } = useParams({ strict: false });
  const filter = useSearch({ strict: false }) as PromptFilter;
  const navigate = useNavigate();
  const router = useRouter();
  const queries = useQueryClient();
  const searchBox = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState(filter.q ?? "");
  useTitle("Prompts");
  useShortcut("/", () => searchBox.current?.focus());
  const { write } = useMay(project);
  useShortcut("n", () => void navigate({ to: paths.newPrompt(project) }), write);

  const onPart = (list: Listed) => queries.setQueryData(promptsQuery(project).queryKey, list);
  const all = useQuery(promptsQuery(project, "", onPart));
  // More than fit in the page: the server searches.
  const remote = useDebounced(all.data && !all.data.complete && !all.isFetching ? words.trim() : "", 120);
  const searched = useQuery({ ...promptsQuery(project, remote), enabled: remote !== "", placeholderData: keepPreviousData });
  // Until it has answered, what is here already is searched.
  const source = ((remote && searched.data) || all.data)?.prompts;

  const wanted = useDeferredValue(words);
  const { folder, tag, label, sort } = filter;
  const shown = useMemo(() => filterPrompts(source ?? [], { folder, tag, label, sort, q: wanted }), [source, folder, tag, label, sort, wanted]);
  const facts = useMemo(() => {
    const prompts = all.data?.prompts ?? [];
    return {
      folders: folderTree(prompts),
      tags: counted(prompts.flatMap((one) => one.tags)),
      labels: counted(prompts.flatMap((one) => Object.keys(one.label_versions))),
    };
  }, [all.data]);

  const narrow = (change: Partial<PromptFilter>) =>
    void navigate({ to: paths.prompts(project), search: { ...filter, ...change }, replace: true });
  // The rows follow each letter; the address follows once the fingers rest.
  const settled = useDebounced(words, 250);
  useEffect(() => {
    // Whoever is on the way to another page already is not called back.
    const stays = router.latestLocation.pathname === paths.prompts(project);
    if (stays && (filter.q ?? "") !== settled) narrow({ q: settled || undefined });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only what was typed is written, never the other way round
  }, [settled]);
  const isNarrowed = Boolean(words || filter.folder || filter.tag || filter.label);

  return (
    <Page
      title="Prompts"
      full
      fill
      lead={source ? `${plural(shown.length, "prompt")}${isNarrowed ? ` of ${plural(all.data?.prompts.length ?? 0, "prompt")}` : ""}${all.isFetching && all.data && !all.data.complete ? ", loading more …" : ""}` : " "}
      actions={
        write && (
          <Button look="main" asChild>
            <Link to={paths.newPrompt(project)}>
              <Plus /> New prompt
            </Link>
          </Button>
        )
      }
    >
      <div className="flex flex-wrap items-center gap-2" role="search">
        <div className="relative min-w-52 flex-1">
          <Search className="pointer-events-none absolute top-2.5 left-2.5 size-4 text-soft" aria-hidden />
          <Input
            ref={searchBox}
            type="search"
            aria-label="Search the prompts"
            placeholder="Search by name, description, tag or folder  ( / )"
            className="pl-8"
            value={words}
            onChange={(event) => setWords(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown") document.querySelector<HTMLElement>('[data-row="0"]')?.focus();
            }}
          />
        </div>
        <Select aria-label="Tag" className="w-36" value={filter.tag ?? ""} onChange={(event) => narrow({ tag: event.target.value || undefined })}>
          <option value="">Any tag</option>
          {facts.tags.map(([tag, n]) => (
            <option key={tag} value={tag}>
              {tag} ({n})
            </option>
          ))}
        </Select>
        <Select aria-label="Label" className="w-36" value={filter.label ?? ""} onChange={(event) => narrow({ label: event.target.value || undefined })}>
          <option value="">Any label</option>
          {facts.labels.map(([label, n]) => (
            <option key={label} value={label}>
              {label} ({n})
            </option>
          ))}
        </Select>
        <Select aria-label="Order" className="w-36" value={filter.sort ?? "name"} onChange={(event) => narrow({ sort: event.target.value === "name" ? undefined : event.target.value })}>
          <option value="name">By name</option>
          <option value="newest">Changed last</option>
          <option value="oldest">Changed first</option>
        </Select>
      </div>
      {all.error && !source ? (
        <Failure error={all.error} retry={() => void all.refetch()} />
      ) : !source ? (
        <Skeletons rows={8} className="h-14" />
      ) : source.length === 0 && !isNarrowed ? (
        <Empty
          title="No prompts yet"
          action={
            <Button look="main" asChild>
              <Link to={paths.newPrompt(project)}>Write the first one</Link>
            </Button>
          }
        >
          A prompt is a text with inputs, like <code className="font-mono">Hello {"{{ name }}"}!</code> Your programs fetch it by its name and fill it in. You can also put YAML files into the folder of <code className="font-mono">dakora dev --prompts</code>: they appear here within a second.
        </Empty>
      ) : (
        <div className="flex min-h-0 flex-1 gap-4">
          {facts.folders.length > 0 && (
            <nav aria-label="Folders" className="hidden w-52 shrink-0 overflow-y-auto lg:block">
              <Folders tree={facts.folders} at={filter.folder} go={(folder) => narrow({ folder })} />
            </nav>
          )}
          {shown.length === 0 ? (
            <div className="flex-1">
              <Empty title="Nothing matches" action={<Button onClick={() => { setWords(""); void navigate({ to: paths.prompts(project), search: {} }); }}>Show all</Button>}>
                Try fewer letters, or another tag, label or folder.
              </Empty>
            </div>
          ) : (
            <PromptList project={project} prompts={shown} />
          )}
        </div>
      )}
    </Page>
  );
}
