import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Failure } from "@/components/ui/states";
import { paths } from "@/config/paths";
import { body, http } from "@/lib/api/client";

/** A workspace that several people share; who makes it owns it. */
export function NewTeam({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: () => body(http.POST("/api/workspaces", { body: { name: name.trim() } })),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["me"] });
      setName("");
      onClose();
      await navigate({ to: paths.workspace(made.id, "members") });
    },
  });
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => !next && onClose()}
      title="New team workspace"
      description="A workspace has its own projects and members. You own it, and invite others with the role they need."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="new-team" look="main" busy={make.isPending} disabled={!name.trim()}>
            Make it
          </Button>
        </>
      }
    >
      <form
        id="new-team"
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) make.mutate();
        }}
      >
        <Field label="Name">{(ids) => <Input {...ids} required maxLength={100} placeholder="Support team" value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        {make.error && <Failure error={make.error} />}
      </form>
    </Dialog>
  );
}
