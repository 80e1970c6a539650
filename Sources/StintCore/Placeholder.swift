enum StintCorePlaceholder {}
