enum StintStorePlaceholder {}
