/* An empty program, linked dynamically: what any process costs, before it does anything. */
int main(void)
{
	return 0;
}
