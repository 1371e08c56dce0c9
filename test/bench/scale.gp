# Plots the columns that scale.awk makes to stdout as SVG: NAME.dat in the working directory for each NAME in `contenders`.
set terminal svg size 1080,400 font "sans-serif,13" background rgb "white"
set multiplot layout 1,3
set logscale xy
set xtics (1, 10, 100, "1k" 1000, "10k" 10000)
set xrange [0.8:14000]
set xlabel "mappings"
set grid
set key off
set style data linespoints

# The same colour and mark for a contender when another one is left out
all = "nftables iptables portmap netavark"
do for [i = 1:4] { eval sprintf("%s_style = %d", word(all, i), i) }
nftables_title = "natmap, nftables"
iptables_title = "natmap, iptables"
portmap_title = "CNI portmap"
netavark_title = "netavark, port only"
set linetype 1 lc rgb "#0072b2" pt 7 lw 2
set linetype 2 lc rgb "#009e73" pt 5 lw 2
set linetype 3 lc rgb "#d55e00" pt 9 lw 2
set linetype 4 lc rgb "#cc79a7" pt 13 lw 2
name(i) = word(contenders, i)
style(i) = value(name(i)."_style")
label(i) = value(name(i)."_title")

set yrange [1:20000]
set format y "%.0f"
set title "publish, ms"
plot for [i = 1:words(contenders)] name(i).".dat" using 1:2 linetype style(i)
set title "withdraw, ms"
plot for [i = 1:words(contenders)] name(i).".dat" using 1:3 linetype style(i)
set yrange [10:40000]
set title "new connections per second"
set key bottom left Left reverse samplen 1.5
plot for [i = 1:words(contenders)] name(i).".dat" using 1:4 linetype style(i) title label(i)
unset multiplot
