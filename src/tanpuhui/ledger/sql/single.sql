-- The FK made everybody's hold lock the row of the one asset; an asset is never removed, and a hold needs a balance in it.
ALTER TABLE ledger_hold_line DROP CONSTRAINT ledger_hold_line_asset_id_fkey;
