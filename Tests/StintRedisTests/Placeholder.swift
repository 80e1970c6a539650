enum StintRedisTestsPlaceholder {}
