enum StintRuntimePlaceholder {}
