import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { Play, Plus, Square, X } from "lucide-react";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { Empty, Failure, Notice, Skeletons } from "@/components/ui/states";
import { TextDiff } from "@/components/ui/text-diff";
import { useMay } from "@/features/me/may";
import { InputsForm, givenOf, type Values } from "@/features/editor/inputs-form";
import { executionQuery } from "@/features/executions/queries";
import { labelsQuery } from "@/features/labels/queries";
import { PromptTabs } from "@/features/prompts/prompt-tabs";
import { promptQuery, type Prompt } from "@/features/prompts/queries";
import { modelsQuery } from "@/features/runs/queries";
import { useRuns, type Column, type Progress } from "@/features/runs/use-runs";
import { versionsQuery } from "@/features/versions/queries";
import { paths } from "@/config/paths";
import { count, duration, usd } from "@/lib/format";
import { useShortcut, useTitle } from "@/lib/hooks";

export function RunPage() {
  const { project = "", prompt: id = "" } = useParams({ strict: false });
  const { again } = useSearch({ strict: false }) as { again?: string };
  useTitle(id, "Run");
  const prompt = useQuery(promptQuery(project, id));
  const earlier = useQuery({ ...executionQuery(project, again ?? ""), enabled: !!again });
  const ready = prompt.data && (!again || !earlier.isPending);
  return (
    <div className="mx-auto flex max-w-[110rem] flex-col gap-4 px-4 py-5 sm:px-6">
      <PromptTabs project={project} id={id} />
      {prompt.error ? (
        <Failure error={prompt.error} retry={() => void prompt.refetch()} />
      ) : ready ? (
        <Bench
          key={again ?? id}
          project={project}
          prompt={prompt.data.data}
          inputs={earlier.data?.inputs ?? {}}
          first={{
            version: earlier.data?.version_number ? String(earlier.data.version_number) : "",
            model: earlier.data?.model ? `${earlier.data.provider}/${earlier.data.model}` : "",
          }}
        />
      ) : (
        <Skeletons rows={3} className="h-32" />
      )}
    </div>
  );
}

const MOST_COLUMNS = 6;

function Bench({ project, prompt, inputs: start, first }: { project: string; prompt: Prompt; inputs: Values; first: { version: string; model: string } }) {
  const models = useQuery(modelsQuery(project));
  const labels = useQuery(labelsQuery(project, prompt.id));
  const versions = useInfiniteQuery(versionsQuery(project, prompt.id));
  const own = prompt.model ? `${prompt.model.provider}/${prompt.model.name}` : "";
  const [values, setValues] = useState<Values>(start);
  const [columns, setColumns] = useState<Column[]>([{ key: crypto.randomUUID(), ...first }]);
  const { progress, run, stop, busy } = useRuns(project, prompt.id);
  const go = () => run(columns.map((one) => ({ ...one, model: one.model || own || modelIds[0] || "" })), givenOf(values, prompt.inputs));
  const modelIds = [...new Set([own, ...(models.data ?? []).map((one) => `${one.provider}/${one.name}`)])].filter(Boolean);
  const { write } = useMay(project);
  useShortcut("mod+enter", go, !busy && write);
  const done = columns.filter((one) => progress[one.key]?.state === "done");
  const set = (key: string, part: Partial<Column>) => setColumns(columns.map((one) => (one.key === key ? { ...one, ...part } : one)));

  if (models.data && modelIds.length === 0) {
    return (
      <Empty
        title="No model is set up yet"
        action={
          <Button look="main" asChild>
            <Link to={paths.settings(project, "providers")}>Add a provider</Link>
          </Button>
        }
      >
        Add a key of OpenAI, Anthropic, Google, Azure or Mistral, or the address of a model of your own (Ollama, vLLM, LM Studio). Everything else of Dakora works without.
      </Empty>
    );
  }
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-[minmax(16rem,22rem)_minmax(0,1fr)]">
      <div className="flex flex-col gap-4 lg:sticky lg:top-4 lg:self-start">
        <Card title="Inputs" className="[&>div]:max-h-[60dvh] [&>div]:overflow-y-auto">
          <InputsForm inputs={prompt.inputs} values={values} onChange={setValues} />
        </Card>
        {!write && <Notice>To run a prompt costs money: it takes the role editor in this workspace.</Notice>}
        <div className="flex gap-2">
          <Button look="main" className="flex-1" onClick={go} disabled={busy || !write}>
            <Play /> Run{columns.length > 1 ? ` all ${columns.length}` : ""}
          </Button>
          {busy && (
            <Button onClick={stop}>
              <Square /> Stop
            </Button>
          )}
          <Button disabled={columns.length >= MOST_COLUMNS} onClick={() => setColumns([...columns, { key: crypto.randomUUID(), version: columns.at(-1)?.version ?? "", model: columns.at(-1)?.model ?? "" }])}>
            <Plus /> Compare
          </Button>
        </div>
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <div className="grid gap-4" style={{ gridTemplateColumns: `repeat(auto-fit, minmax(min(100%, 18rem), 1fr))` }}>
          {columns.map((one, n) => (
            <section key={one.key} aria-label={`Run ${n + 1}`} className="flex min-w-0 flex-col rounded-xl border bg-card">
              <header className="flex items-center gap-2 border-b p-2">
                <Select aria-label={`Version of run ${n + 1}`} className="h-8 w-28 shrink-0" value={one.version} onChange={(event) => set(one.key, { version: event.target.value })}>
                  <option value="">newest</option>
                  {labels.data?.filter((label) => label.label !== "latest").map((label) => <option key={label.label}>{label.label}</option>)}
                  {versions.data?.pages.flatMap((page) => page.data).map((version) => (
                    <option key={version.version_number} value={version.version_number}>
                      version {version.version_number}
                    </option>
                  ))}
                </Select>
                <Input aria-label={`Model of run ${n + 1}`} list="models" className="h-8 min-w-0 flex-1 font-mono text-[13px]" placeholder={own || modelIds[0] || "provider/model"} value={one.model} onChange={(event) => set(one.key, { model: event.target.value })} />
                {columns.length > 1 && (
                  <Button look="ghost" size="icon" aria-label={`Remove run ${n + 1}`} onClick={() => setColumns(columns.filter((other) => other.key !== one.key))}>
                    <X />
                  </Button>
                )}
              </header>
              <Outcome project={project} progress={progress[one.key]} />
            </section>
          ))}
          <datalist id="models">{modelIds.map((one) => <option key={one} value={one} />)}</datalist>
        </div>
        {done.length > 1 && (
          <Card title="Answers against the first">
            <div className="flex flex-col gap-4">
              {done.slice(1).map((one) => (
                <TextDiff key={one.key} label="The answers' difference" before={progress[done[0]?.key ?? ""]?.output ?? ""} after={progress[one.key]?.output ?? ""} />
              ))}
            </div>
          </Card>
        )}
      </div>
    </div>
  );
}

function Outcome({ project, progress }: { project: string; progress: Progress | undefined }) {
  const result = progress?.result;
  return (
    <>
      <div className="min-h-48 flex-1 p-3" aria-live="polite" aria-busy={progress?.state === "running"}>
        {!progress ? (
          <p className="text-soft">The answer will stand here as the model writes it.</p>
        ) : (
          <>
            <pre className="font-mono text-[13px] break-words whitespace-pre-wrap">{progress.output}</pre>
            {progress.state === "running" && <span className="inline-block h-4 w-2 animate-pulse bg-leaf" role="status" aria-label="The model is writing" />}
            {result?.tool_calls.map((call) => (
              <pre key={call.id} className="mt-2 rounded bg-sunk p-2 font-mono text-xs break-words whitespace-pre-wrap">
                {call.name}({call.arguments})
              </pre>
            ))}
            {progress.state === "failed" && <Failure error={progress.error} />}
            {result?.status === "invalid" && <p className="mt-2 text-ember">The answer does not follow the response schema: {result.errors[0]?.message}</p>}
          </>
        )}
      </div>
      <footer className="flex min-h-9 flex-wrap gap-x-4 gap-y-1 border-t px-3 py-2 text-xs text-soft">
        {result && (
          <>
            <span title="Until the last token">{duration(result.latency_ms)}</span>
            <span title="Until the first token">first {duration(result.first_token_ms)}</span>
            <span>
              {count(result.usage.input_tokens)} → {count(result.usage.output_tokens)} tokens
            </span>
            <span>{result.cost_usd == null ? "price unknown" : usd(result.cost_usd)}</span>
            {result.recorded && (
              <Link className="ml-auto text-leaf hover:underline" to={paths.runDetail(project, result.execution_id)}>
                Details
              </Link>
            )}
          </>
        )}
      </footer>
    </>
  );
}
