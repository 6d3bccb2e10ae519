"""An object input with a schema, and what a wrong one answers."""

from dakora_client import DakoraSync, InvalidInputsError

SCAN = "Invoice 2026-118, 3 November 2026. Total due: EUR 1,204.50"

with DakoraSync() as dakora:
    print(dakora.prompts.render("invoice-extraction", {"text": SCAN}).text)
    try:
        dakora.prompts.render("invoice-extraction", {"text": SCAN, "fields": {"total": 3}, "colour": "red"})
    except InvalidInputsError as error:
        for fault in error.errors:
            print(f"refused: {'.'.join(str(step) for step in fault.loc)}: {fault.message}")
