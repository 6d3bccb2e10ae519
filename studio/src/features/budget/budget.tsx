import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Card } from "@/components/layout/page";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Input, Select } from "@/components/ui/field";
import { Failure, Skeletons } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { body, http, type Schemas } from "@/lib/api/client";
import { usd } from "@/lib/format";

const TONES = { unlimited: "plain", ok: "moss", warning: "ember", exceeded: "rose" } as const;

export function Budget({ project }: { project: string }) {
  const found = useQuery({
    queryKey: ["p", project, "budget"],
    queryFn: () => body(http.GET("/api/projects/{project_id}/budget", { params: { path: { project_id: project } } })),
  });
  if (found.error) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeletons rows={2} className="h-28" />;
  return <Form key={String(found.data.changed_at)} project={project} budget={found.data} />;
}

function Form({ project, budget }: { project: string; budget: Schemas["BudgetShown"] }) {
  const queries = useQueryClient();
  const [limit, setLimit] = useState(budget.limit_usd === null ? "" : String(budget.limit_usd));
  const [warn, setWarn] = useState(String(budget.warn_percent));
  const [unpriced, setUnpriced] = useState(budget.unpriced);
  const spent = budget.spent_usd + budget.held_usd;
  const share = budget.limit_usd ? Math.min(100, (100 * spent) / budget.limit_usd) : 0;
  const save = useMutation({
    mutationFn: () =>
      body(
        http.PUT("/api/projects/{project_id}/budget", {
          params: { path: { project_id: project } },
          body: { limit_usd: limit === "" ? null : Number(limit), warn_percent: Number(warn), unpriced },
        }),
      ),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["p", project, "budget"] });
      toast.good("The budget is changed.");
    },
  });
  return (
    <>
      <Card title="This month">
        <div className="flex flex-wrap items-baseline gap-3">
          <span className="text-2xl font-semibold">{usd(budget.spent_usd)}</span>
          <span className="text-soft">{budget.limit_usd === null ? "spent; there is no limit" : `of ${usd(budget.limit_usd)}`}</span>
          <Badge tone={TONES[budget.state]}>{budget.state}</Badge>
          {budget.held_usd > 0 && <span className="text-xs text-soft">{usd(budget.held_usd)} held for runs that go on</span>}
        </div>
        {budget.limit_usd !== null && <progress className="mt-3 h-2 w-full accent-(--leaf)" max={100} value={share} aria-label="Share of the budget that is spent" />}
      </Card>
      <Card title="Limit">
        <form
          className="grid max-w-2xl gap-3 sm:grid-cols-3"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate();
          }}
        >
          <Field label="Dollars a month" hint="Empty: no limit.">{(ids) => <Input {...ids} type="number" min={0} step="any" value={limit} onChange={(event) => setLimit(event.target.value)} />}</Field>
          <Field label="Warn at %">{(ids) => <Input {...ids} type="number" min={1} max={100} value={warn} onChange={(event) => setWarn(event.target.value)} />}</Field>
          <Field label="Models without a price">
            {(ids) => (
              <Select {...ids} value={unpriced} onChange={(event) => setUnpriced(event.target.value as typeof unpriced)}>
                <option value="refuse">refuse them</option>
                <option value="allow">let them run</option>
              </Select>
            )}
          </Field>
          {save.error && <div className="sm:col-span-3"><Failure error={save.error} /></div>}
          <Button type="submit" look="main" className="justify-self-start" busy={save.isPending}>
            Save
          </Button>
        </form>
      </Card>
    </>
  );
}
