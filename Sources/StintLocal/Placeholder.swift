enum StintLocalPlaceholder {}
