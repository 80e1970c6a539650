int cresp_placeholder(void);
