import { useParams } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { Page } from "@/components/layout/page";
import { SubNav } from "@/components/layout/sub-nav";
import { ApiKeys } from "@/features/api-keys/api-keys";
import { Audit } from "@/features/audit/audit";
import { Budget } from "@/features/budget/budget";
import { Retention } from "@/features/executions/retention";
import { Changeable, useMay } from "@/features/me/may";
import { ProtectedLabels } from "@/features/labels/protected-labels";
import { General } from "@/features/projects/general";
import { Providers } from "@/features/providers/providers";
import { paths } from "@/config/paths";
import { useTitle } from "@/lib/hooks";
import { NotFound } from "./not-found";

const PAGES: Record<string, [string, ComponentType<{ project: string }>]> = {
  general: ["General", General],
  keys: ["API keys", ApiKeys],
  labels: ["Labels", ProtectedLabels],
  providers: ["Providers", Providers],
  budget: ["Budget", Budget],
  retention: ["Privacy", Retention],
  audit: ["Audit", Audit],
};

// What only an admin may see.
const ADMINS = new Set(["keys", "audit"]);

export function SettingsPage() {
  const { project = "", page = "" } = useParams({ strict: false });
  const [name, Content] = PAGES[page] ?? ["", null];
  const { manage } = useMay(project);
  useTitle(name, "Settings");
  if (!Content) return <NotFound />;
  return (
    <Page title="Settings">
      <SubNav label="Settings" items={Object.entries(PAGES).filter(([id]) => manage || !ADMINS.has(id)).map(([id, [label]]) => [label, paths.settings(project, id)])} />
      <Changeable may={manage}>
        <Content key={page} project={project} />
      </Changeable>
    </Page>
  );
}
