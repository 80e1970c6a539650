enum StintPlaceholder {}
