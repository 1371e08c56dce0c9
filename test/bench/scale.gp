# Plots the columns that report.awk makes to stdout as SVG: NAME.dat in the working directory for each NAME in `contenders`.
set terminal svg size 1080,400 font "sans-serif,13" background rgb "white"
set multiplot layout 1,3
set logscale y
set xrange [-0.3:2.3]
set xlabel "mappings that are there"
set grid
set key off
set style data linespoints

nftables_title = "natmap, nftables"
iptables_title = "natmap, iptables"
hand_ipt_title = "iptables-restore by hand"
portmap_title = "CNI portmap, iptables"
portmap_nft_title = "CNI portmap, nftables"
netavark_title = "netavark"
set linetype 1 lc rgb "#0072b2" pt 7 lw 2
set linetype 2 lc rgb "#009e73" pt 5 lw 2
set linetype 3 lc rgb "#999999" pt 1 lw 2
set linetype 4 lc rgb "#d55e00" pt 9 lw 2
set linetype 5 lc rgb "#e69f00" pt 11 lw 2
set linetype 6 lc rgb "#cc79a7" pt 13 lw 2
name(i) = word(contenders, i)
label(i) = value(name(i)."_title")

set yrange [1:20000]
set format y "%.0f"
set title "publish, ms"
plot for [i = 1:words(contenders)] name(i).".dat" using 0:2:xtic(1) linetype i
set title "withdraw, ms"
plot for [i = 1:words(contenders)] name(i).".dat" using 0:3:xtic(1) linetype i
set yrange [0.3:40000] # with room for the key
set title "new connections per second"
set key bottom left Left reverse samplen 1.5
plot for [i = 1:words(contenders)] name(i).".dat" using 0:4:xtic(1) linetype i title label(i)
unset multiplot
