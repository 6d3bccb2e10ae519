import { Badge } from "@/components/ui/badge";

const TONES = { ok: "moss", error: "rose", timeout: "rose", invalid: "ember", cancelled: "plain" } as const;
export const StatusBadge = ({ status }: { status: string }) => <Badge tone={TONES[status as keyof typeof TONES] ?? "plain"}>{status}</Badge>;
