"""The values that flow: schema, batch, frame, viewport, clock, events and errors."""
