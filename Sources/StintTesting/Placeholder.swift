enum StintTestingPlaceholder {}
