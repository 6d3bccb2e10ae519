import { useState, type ReactNode } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Failure } from "./states";

type Props = { trigger: (open: () => void) => ReactNode; title: string; text: ReactNode; act: string; onConfirm: () => Promise<unknown> };

/** Asks once more before something that other people notice. */
export function Confirm({ trigger, title, text, act, onConfirm }: Props) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      setOpen(false);
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {trigger(() => setOpen(true))}
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={title}
        footer={
          <>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button look="danger" busy={busy} onClick={() => void go()}>
              {act}
            </Button>
          </>
        }
      >
        <div className="flex flex-col gap-3">
          <div>{text}</div>
          {error != null && <Failure error={error} />}
        </div>
      </Dialog>
    </>
  );
}
