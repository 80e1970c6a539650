enum StintRedisPlaceholder {}
